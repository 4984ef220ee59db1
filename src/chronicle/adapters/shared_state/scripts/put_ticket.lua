-- Store a new ticket. KEYS[1]: the ticket. ARGV: the content, the code's MAC, the guesses, the
-- expiry and when another code may be asked for (ms since 1970), and now. It is gone after the time
-- that is left, by the clock here: that and Chronicle's may disagree.
redis.call('HSET', KEYS[1], 'content', ARGV[1], 'code_mac', ARGV[2], 'guesses', ARGV[3],
  'expires_at', ARGV[4], 'resend_at', ARGV[5])
return redis.call('PEXPIRE', KEYS[1], tonumber(ARGV[4]) - tonumber(ARGV[6]))
