-- Spend one guess of a ticket. KEYS[1]: the ticket. ARGV: the code's MAC, now (ms since 1970).
-- A ticket without guesses stays until it expires: the link in its mail still works.
-- Answers false without a ticket or guesses, else {1 or 0, content}.
local expires_at = redis.call('HGET', KEYS[1], 'expires_at')
if not expires_at or tonumber(expires_at) <= tonumber(ARGV[2]) then
  redis.call('DEL', KEYS[1])
  return false
end
if redis.call('HINCRBY', KEYS[1], 'guesses', -1) < 0 then
  return false
end
local ticket = redis.call('HMGET', KEYS[1], 'code_mac', 'content')
if ticket[1] == ARGV[1] then
  return {1, ticket[2]}
end
return {0, ticket[2]}
