"""The scripts that Redis runs for replicas: what is decided and written in one step.

Whatever only the replica that holds the lease may write is written by a script that reads the lease first:
a late holder, which was suspended or cut off, changes nothing (the fence). Keys are of one gateway, so a
cluster has them in one place.
"""

from __future__ import annotations

from typing import Final

# KEYS lease, schemas; ARGV own, candidate ('' to take nothing), lifetime (ms), schema. Returns what became of it,
# who holds the lease, the time (ms), for how long (ms) it goes on, and when each schema was seen last.
CLAIM: Final = """
local time = redis.call('TIME')
local now = string.format('%d%03d', time[1], math.floor(time[2] / 1000))
redis.call('HSET', KEYS[2], ARGV[4], now)
redis.call('PEXPIRE', KEYS[2], 60000)
local seen = redis.call('HGETALL', KEYS[2])
local held = redis.call('GET', KEYS[1])
if held and held == ARGV[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  return {'renewed', held, now, ARGV[3], seen}
end
if held then return {'taken', held, now, redis.call('PTTL', KEYS[1]), seen} end
if ARGV[2] == '' then return {'free', '', now, 0, seen} end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return {'acquired', ARGV[2], now, ARGV[3], seen}
"""

# KEYS lease; ARGV own, channel, message. Ends the lease if it is ours.
RELEASE: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
redis.call('DEL', KEYS[1])
return redis.call('PUBLISH', ARGV[2], ARGV[3])
"""

# KEYS lease, keys; ARGV own, channel, message, lifetime (ms; 0 removes the keys). Returns how many replicas
# have got it, -1 if the lease is not ours.
REPORT: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
for i = 2, #KEYS do
  if ARGV[4] == '0' then redis.call('DEL', KEYS[i])
  else redis.call('SET', KEYS[i], ARGV[3], 'PX', ARGV[4]) end
end
return redis.call('PUBLISH', ARGV[2], ARGV[3])
"""

# KEYS lease, state; ARGV own, channel, message, name of the document.
KEEP: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
redis.call('HSET', KEYS[2], ARGV[4], ARGV[3])
return redis.call('PUBLISH', ARGV[2], ARGV[3])
"""

# KEYS state, keys. Returns the documents of the state, and the values of the keys.
LOAD: Final = """
local values = {redis.call('HGETALL', KEYS[1])}
for i = 2, #KEYS do values[#values + 1] = redis.call('GET', KEYS[i]) end
return values
"""
