-- Replace a ticket's code. KEYS[1]: the ticket. ARGV: the new code's MAC, now, the new expiry and
-- when another may be asked for (ms since 1970). Answers false without a ticket, the earlier
-- resend time (as text) when it is too soon, else {content}.
local ticket = redis.call('HMGET', KEYS[1], 'expires_at', 'resend_at', 'content')
if not ticket[1] or tonumber(ticket[1]) <= tonumber(ARGV[2]) then
  redis.call('DEL', KEYS[1])
  return false
end
if tonumber(ticket[2]) > tonumber(ARGV[2]) then
  return ticket[2]
end
redis.call('HSET', KEYS[1], 'code_mac', ARGV[1], 'expires_at', ARGV[3], 'resend_at', ARGV[4])
redis.call('PEXPIRE', KEYS[1], tonumber(ARGV[3]) - tonumber(ARGV[2]))
return {ticket[3]}
