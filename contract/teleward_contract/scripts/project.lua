-- KEYS: 1 leader, 2 hash of documents
-- ARGV: 1 leader epoch, 2 field, 3 uid, 4 document ('' removes), 5 channel, 6 what changed
local newest = tonumber(redis.call('GET', KEYS[1]) or 0)
if tonumber(ARGV[1]) < newest then return redis.error_reply('STALE_LEADER a newer leader has written') end
redis.call('SET', KEYS[1], ARGV[1])
if ARGV[4] == '' then
  local document = redis.call('HGET', KEYS[2], ARGV[2])
  if not document then return 0 end
  local is_read, found = pcall(cjson.decode, document)
  local uid = is_read and type(found) == 'table' and tostring(found.uid or '') or ''
  if uid ~= ARGV[3] then return 0 end
  redis.call('HDEL', KEYS[2], ARGV[2])
else
  redis.call('HSET', KEYS[2], ARGV[2], ARGV[4])
end
redis.call('PUBLISH', ARGV[5], ARGV[6])
return 1
