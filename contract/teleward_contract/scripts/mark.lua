-- ARGV: 2 node, 3 boot ('' any), 4 what: suspect, cordon, uncordon, retire
local l = load_of(ARGV[2])
local raw = redis.call('HGET', KEYS[2], ARGV[2])
if not l or not raw then return 0 end
if ARGV[3] ~= '' and cjson.decode(raw).boot ~= ARGV[3] then return 0 end
if ARGV[4] == 'retire' then
  redis.call('HDEL', KEYS[2], ARGV[2])
  redis.call('HDEL', KEYS[3], ARGV[2])
  return 1
end
local suspect, cordoned = l.marks % 2, l.marks >= 2 and 2 or 0
if ARGV[4] == 'suspect' then suspect = 1 end
if ARGV[4] == 'cordon' then cordoned = 2 end
if ARGV[4] == 'uncordon' then cordoned = 0 end
l.marks = suspect + cordoned
save_load(ARGV[2], l)
return 1
