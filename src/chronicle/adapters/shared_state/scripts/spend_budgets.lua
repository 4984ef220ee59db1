-- Spend one of each limit of one subject, or nothing. Exact: at most `count` in any window.
-- KEYS: for each limit the times (µs since 1970) at which it was spent, newest first.
-- ARGV: the time in µs, 0 for Valkey's own clock, which all processes share; then the count and
-- the seconds of each window, in the order of the keys, with spaces between them.
-- Answers {1 or 0, then for each key: how many are left, µs until there is one more}.
local function text(number)
  return string.format('%.0f', number) -- tostring() would round to 14 digits
end

-- The clock was set back: move the past back with it, so that no window is shorter than it was.
local function move_back(key, by, length)
  local times = redis.call('LRANGE', key, 0, -1)
  redis.call('DEL', key)
  for _, time in ipairs(times) do
    redis.call('RPUSH', key, text(tonumber(time) - by))
  end
  redis.call('PEXPIRE', key, math.ceil(length / 1000))
end

local now = tonumber(ARGV[1])
if now == 0 then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000000 + tonumber(time[2])
end

local counts, lengths = {}, {}
for count, seconds in string.gmatch(ARGV[2], '(%d+) (%d+)') do
  counts[#counts + 1] = tonumber(count)
  lengths[#lengths + 1] = tonumber(seconds) * 1000000
end

local granted = 1
for i, key in ipairs(KEYS) do
  local count, length = counts[i], lengths[i]
  local newest = redis.call('LINDEX', key, 0)
  if newest then
    if tonumber(newest) > now then
      move_back(key, tonumber(newest) - now, length)
    end
    local oldest = redis.call('LINDEX', key, -1)
    while oldest and tonumber(oldest) + length <= now do
      redis.call('RPOP', key)
      oldest = redis.call('LINDEX', key, -1)
    end
    if redis.call('LLEN', key) >= count then
      granted = 0
    end
  end
end

local answer = {granted}
for i, key in ipairs(KEYS) do
  local count, length = counts[i], lengths[i]
  local used
  if granted == 1 then
    used = redis.call('LPUSH', key, text(now))
    redis.call('PEXPIRE', key, math.ceil(length / 1000))
  else
    used = redis.call('LLEN', key)
  end
  -- After a lower count was set there may be more than it in the window: wait for all of them.
  local frees = redis.call('LINDEX', key, used >= count and count - 1 or -1)
  answer[2 * i] = math.max(count - used, 0)
  answer[2 * i + 1] = frees and tonumber(frees) + length - now or 0
end
return answer
