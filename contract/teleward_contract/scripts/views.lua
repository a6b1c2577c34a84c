step()
local all = redis.call('HGETALL', KEYS[2])
local parts = {}
for i = 1, #all, 2 do
  local l = load_of(all[i])
  parts[#parts + 1] = cjson.encode({record = all[i + 1], used = l.used, alive = is_alive(l), cordoned = l.marks >= 2})
end
return '[' .. table.concat(parts, ',') .. ']'
