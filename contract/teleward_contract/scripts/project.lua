-- KEYS: 1 leader, 2 document (string) or hash; ARGV: 1 leader epoch, 2 field ('' for a string), 3 uid, 4 document ('' removes)
local seen = tonumber(redis.call('GET', KEYS[1]) or 0)
if tonumber(ARGV[1]) < seen then return redis.error_reply('STALE_LEADER a newer leader has written') end
redis.call('SET', KEYS[1], ARGV[1])
if ARGV[4] ~= '' then
  if ARGV[2] == '' then redis.call('SET', KEYS[2], ARGV[4]) else redis.call('HSET', KEYS[2], ARGV[2], ARGV[4]) end
  return 1
end
local raw
if ARGV[2] == '' then raw = redis.call('GET', KEYS[2]) else raw = redis.call('HGET', KEYS[2], ARGV[2]) end
if not raw or cjson.decode(raw).uid ~= ARGV[3] then return 0 end
if ARGV[2] == '' then redis.call('DEL', KEYS[2]) else redis.call('HDEL', KEYS[2], ARGV[2]) end
return 1
