-- Answers four values a media node: record (JSON), used, alive, cordoned.
step()
local all, rows = redis.call('HGETALL', KEYS[2]), {}
for i = 1, #all, 2 do
  local l = load_of(all[i])
  local n = #rows
  rows[n + 1], rows[n + 2], rows[n + 3], rows[n + 4] = all[i + 1], l.used, is_alive(l) and 1 or 0, l.marks >= 2 and 1 or 0
end
return rows
