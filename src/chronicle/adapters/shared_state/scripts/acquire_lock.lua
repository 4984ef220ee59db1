-- Take a lock. KEYS: the lock, the highest fencing number so far. ARGV: the owner's token, the
-- lifetime in ms. Answers false when somebody has it, else the fencing number (as text). Safe to
-- send again when the answer was lost.
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
  return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('GET', KEYS[2])
end
-- No lower than the time, so that it also grows over a store that has forgotten everything.
local time = redis.call('TIME')
local fence = tonumber(time[1]) * 1000000 + tonumber(time[2])
local last = tonumber(redis.call('GET', KEYS[2]) or 0)
if fence <= last then
  fence = last + 1
end
local text = string.format('%.0f', fence)
redis.call('SET', KEYS[2], text)
return text
