-- Hold a lock on. KEYS[1]: the lock. ARGV: the owner's token, the lifetime in ms. Answers 1 or 0.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
