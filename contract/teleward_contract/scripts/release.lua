-- ARGV: 2 call, 3 epoch
step()
local call, epoch = ARGV[2], tonumber(ARGV[3])
local entry = entry_of(call)
if entry and entry.epoch > epoch then return 0 end
if entry then free(call, entry) end
redis.call('HSET', KEYS[5], call, string.format('%.0f:%.0f', math.max(epoch, tombstone_of(call)), now + TOMBSTONE))
return entry and entry.epoch == epoch and 1 or 0
