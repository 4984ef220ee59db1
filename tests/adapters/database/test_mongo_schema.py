"""The declared shapes: what has to change together with them."""

import hashlib
import json
from collections import Counter

from chronicle.adapters.database.mongo import migrate
from chronicle.adapters.database.mongo.failures import _TAKEN
from chronicle.adapters.database.mongo.reads import READS
from chronicle.adapters.database.mongo.schema import A_DAY_SECONDS, SHAPES

# Whoever changes a shape of a version that was released raises `migrate.VERSION`, and adds its
# fingerprint here: databases of the version before are only changed when the number moves.
FINGERPRINTS = {1: "65b5226dd7a3e71d"}


def fingerprint() -> str:
    declared = [
        [shape.name, shape.validator(), [index.options() for index in shape.indexes]]
        for shape in SHAPES
    ]
    return hashlib.sha256(json.dumps(declared).encode()).hexdigest()[:16]


def test_a_shape_does_not_change_without_its_version() -> None:
    assert FINGERPRINTS | {migrate.VERSION: fingerprint()} == FINGERPRINTS
    assert max(FINGERPRINTS) == migrate.VERSION


def test_data_steps_go_upwards_to_the_version() -> None:
    versions = [step.version for step in migrate.DATA_STEPS]
    assert versions == sorted(versions)
    assert all(1 < version <= migrate.VERSION for version in versions)


def test_every_index_has_a_name_of_its_own() -> None:
    names = Counter(index.name for shape in SHAPES for index in shape.indexes)
    assert [name for name, count in names.items() if count > 1] == []


def test_an_index_whose_duplicates_are_told_apart_is_unique() -> None:
    unique = {index.name for shape in SHAPES for index in shape.indexes if index.unique}
    assert set(_TAKEN) <= unique


def test_every_read_is_of_a_collection_that_there_is() -> None:
    collections = {shape.name for shape in SHAPES} | {"migrations"}
    assert {purpose.partition(".")[0] for purpose in READS} <= collections


def test_what_expires_by_the_servers_clock_has_a_day_of_grace() -> None:
    gone = [index for shape in SHAPES for index in shape.indexes if index.name.endswith("_gone")]
    assert len(gone) == 4
    assert {index.options()["expireAfterSeconds"] for index in gone} == {A_DAY_SECONDS}
    assert {tuple(index.options()["key"]) for index in gone} == {("expires_on",)}
