-- ARGV: 2 node, 3 boot, 4 record (JSON, without calls), 5 serving (0 or 1), 6 capacity, 7 control URL,
--       8… call, epoch, cost of each live call
step()
local node, boot = ARGV[2], ARGV[3]
local before = load_of(node)
if before and before.boot ~= boot then leave_behind(node) end
local l = {serving = tonumber(ARGV[5]), marks = before and before.marks >= 2 and 2 or 0, beat = now,
  capacity = tonumber(ARGV[6]), used = 0, boot = boot}
redis.call('HSET', KEYS[2], node, ARGV[4])
save_load(node, l)

local fenced, listed = {}, {}
for i = 8, #ARGV, 3 do
  local call, epoch = ARGV[i], tonumber(ARGV[i + 1])
  local entry = entry_of(call)
  if tombstone_of(call) >= epoch or entry and entry.epoch > epoch
    or entry and entry.epoch == epoch and (entry.node ~= node or entry.boot ~= boot) then
    fenced[#fenced + 1] = cjson.encode(call)
  elseif entry and entry.epoch == epoch then
    confirm(call, entry)
  else
    if entry then free(call, entry) end
    add_entry(call, {node = node, boot = boot, epoch = epoch, cost = tonumber(ARGV[i + 2]),
      control_url = ARGV[7], confirmed = true, seen = now})
  end
  listed[call] = true
end

l.used = 0 -- counted anew from the placements at each beat: the running total cannot drift
for _, call in ipairs(calls_of(node)) do
  local entry = entry_of(call)
  if entry.boot == boot then
    if entry.confirmed and not listed[call] and now - math.max(entry.seen, since) >= SUSPECT then
      free(call, entry)
    else
      l.used = l.used + entry.cost
    end
  end
end
save_load(node, l)
for i = 1, 9 do
  if i ~= 6 and i ~= 7 then redis.call('EXPIRE', KEYS[i], KEEP) end
end
return '{"fenced":[' .. table.concat(fenced, ',') .. '],"cordoned":' .. tostring(l.marks >= 2) .. '}'
