step()
local nodes = redis.call('HGETALL', KEYS[3])
for i = 1, #nodes, 2 do
  local l = load_of(nodes[i])
  if now - math.max(l.beat, since) >= FORGET then
    redis.call('HDEL', KEYS[2], nodes[i])
    redis.call('HDEL', KEYS[3], nodes[i])
  end
end
local expired, orphaned = {}, {}
local all = redis.call('HGETALL', KEYS[4])
local recount = now - tonumber(redis.call('HGET', KEYS[1], 'recounted') or 0) >= 60000
local sums = {}
for i = 1, #all, 2 do
  local call, entry = all[i], cjson.decode(all[i + 1])
  local held, age = holds(entry), now - math.max(entry.seen, since)
  local bound = entry.confirmed and FORGET or RESERVATION
  if age >= bound and not (entry.confirmed and held) then
    bury(call, entry)
    expired[#expired + 1] = cjson.encode(call)
  else
    if entry.confirmed and not held then orphaned[#orphaned + 1] = placed(call, entry, true) end
    local key = entry.node .. ' ' .. string.format('%.0f', entry.boot_number)
    sums[key] = (sums[key] or 0) + entry.cost
  end
end
if recount then -- heals any drift of the running totals
  redis.call('HSET', KEYS[1], 'recounted', now)
  for _, node in ipairs(redis.call('HKEYS', KEYS[3])) do
    local l = load_of(node)
    l.used = sums[node .. ' ' .. string.format('%.0f', l.boot)] or 0
    save_load(node, l)
  end
end
local tombs = redis.call('HGETALL', KEYS[5])
for i = 1, #tombs, 2 do
  if tonumber(string.match(tombs[i + 1], ':(%d+)$')) <= now then redis.call('HDEL', KEYS[5], tombs[i]) end
end
return '{"expired":[' .. table.concat(expired, ',') .. '],"orphaned":[' .. table.concat(orphaned, ',') .. ']}'
