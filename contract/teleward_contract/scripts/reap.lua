-- Looks only at what may be amiss: silent media nodes, calls of boots that are gone, reservations that are old.
step()
local expired, orphaned, looked_at = {}, {}, {}

local function expire(call, entry)
  free(call, entry)
  expired[#expired + 1] = cjson.encode(call)
end

local function look_at(call)
  local entry = entry_of(call)
  if looked_at[call] or not entry or not entry.confirmed then return end
  looked_at[call] = true
  if holds(entry) then
    redis.call('SREM', KEYS[9], call)
  elseif now - math.max(entry.seen, since) >= FORGET then
    expire(call, entry)
  else
    orphaned[#orphaned + 1] = placed(call, entry, true)
  end
end

local nodes = redis.call('HGETALL', KEYS[3])
for i = 1, #nodes, 2 do
  local _, marks, beat = struct.unpack('>BBd', nodes[i + 1])
  local silent = now - math.max(beat, since)
  if silent >= FORGET then
    leave_behind(nodes[i])
    redis.call('HDEL', KEYS[2], nodes[i])
    redis.call('HDEL', KEYS[3], nodes[i])
  elseif silent >= SUSPECT or marks % 2 == 1 then
    for _, call in ipairs(calls_of(nodes[i])) do look_at(call) end
  end
end
for _, call in ipairs(redis.call('SMEMBERS', KEYS[9])) do look_at(call) end

if now - since >= RESERVATION then
  for _, call in ipairs(redis.call('ZRANGEBYSCORE', KEYS[8], '-inf', now - RESERVATION)) do
    expire(call, entry_of(call))
  end
end

local tombstones = redis.call('HGETALL', KEYS[5])
for i = 1, #tombstones, 2 do
  if tonumber(string.match(tombstones[i + 1], ':(%d+)$')) <= now then redis.call('HDEL', KEYS[5], tombstones[i]) end
end
return '{"expired":[' .. table.concat(expired, ',') .. '],"orphaned":[' .. table.concat(orphaned, ',') .. ']}'
