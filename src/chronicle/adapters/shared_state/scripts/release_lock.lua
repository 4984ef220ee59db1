-- Give a lock back. KEYS[1]: the lock. ARGV[1]: the owner's token. Answers 1 or 0.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
return redis.call('DEL', KEYS[1])
