-- ARGV: 2 node, 3 boot ('' any), 4 what: suspect, cordon, uncordon, retire, 5 leader epoch of who cordons
if ARGV[5] and tonumber(ARGV[5]) < tonumber(redis.call('GET', KEYS[11]) or 0) then
  return redis.error_reply('STALE_LEADER a newer leader has written')
end
local l = load_of(ARGV[2])
if not l or ARGV[3] ~= '' and l.boot ~= ARGV[3] then return 0 end
if ARGV[4] == 'retire' then
  leave_behind(ARGV[2])
  redis.call('HDEL', KEYS[2], ARGV[2])
  redis.call('HDEL', KEYS[3], ARGV[2])
  return 1
end
local suspect, cordoned = l.marks % 2, l.marks >= 2 and 2 or 0
if ARGV[4] == 'suspect' then suspect = 1 else cordoned = ARGV[4] == 'cordon' and 2 or 0 end
l.marks = suspect + cordoned
save_load(ARGV[2], l)
return 1
