CREATE EXTENSION documentdb CASCADE;

-- Two connections every two seconds, to build indexes later that FerretDB has built at once.
UPDATE cron.job SET active = false WHERE jobname LIKE 'documentdb_index_build_task_%';

-- FerretDB reports a duplicate key of findAndModify as an internal error, code 1. It calls with
-- bytes, so this stands in front of the extension's own, and says what each other write says:
-- 11000, with the name of the index.
CREATE FUNCTION documentdb_api.find_and_modify(
  p_database_name text, p_message bytea, OUT p_result documentdb_core.bson, OUT p_success boolean
) LANGUAGE plpgsql AS $$
DECLARE
  broken text;
BEGIN
  SELECT done.p_result, done.p_success INTO p_result, p_success
    FROM documentdb_api.find_and_modify(p_database_name, p_message::documentdb_core.bson, NULL) AS done;
EXCEPTION WHEN unique_violation OR exclusion_violation THEN
  GET STACKED DIAGNOSTICS broken = CONSTRAINT_NAME;
  RAISE EXCEPTION 'Duplicate key violation on the requested collection: Index ''%''', coalesce(
    (SELECT (index_spec).index_name FROM documentdb_api_catalog.collection_indexes
      WHERE 'documents_rum_index_' || index_id = broken),
    '_id_'
  ) USING ERRCODE = 'M001C';
END
$$;
