-- ARGV: 2 node, 3 record (JSON, without calls), 4 serving (0 or 1), 5 capacity, 6… call, epoch, cost of each live call
step()
local node, record = ARGV[2], cjson.decode(ARGV[3])
local before = load_of(node)
local known = redis.call('HGET', KEYS[2], node)
known = known and cjson.decode(known) or nil
local same_boot = known and before and known.boot == record.boot
local boot_number = same_boot and before.boot or redis.call('HINCRBY', KEYS[1], 'boots', 1)
if not same_boot then
  for _, call in ipairs(redis.call('SMEMBERS', KEYS[8] .. node)) do -- a returning boot finds its calls again
    local entry = entry_of(call)
    if entry and entry.node == node and entry.boot == record.boot then
      entry.boot_number = boot_number
      save_entry(call, entry)
    end
  end
end
local l = {serving = tonumber(ARGV[4]), marks = before and before.marks >= 2 and 2 or 0, beat = now,
  capacity = tonumber(ARGV[5]), used = same_boot and before.used or 0, boot = boot_number}
redis.call('HSET', KEYS[2], node, ARGV[3])
save_load(node, l)
if not same_boot then
  for _, call in ipairs(redis.call('SMEMBERS', KEYS[8] .. node)) do
    local entry = entry_of(call)
    if entry and entry.node == node and entry.boot_number == boot_number then charge(entry, 1) end
  end
end
local fenced, listed = {}, {}
for i = 6, #ARGV, 3 do
  local call, epoch, cost = ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
  listed[call] = true
  local entry = entry_of(call)
  if tombstone_epoch(call) >= epoch then
    fenced[#fenced + 1] = call
  elseif entry and entry.epoch >= epoch then
    if entry.epoch == epoch and entry.node == node and entry.boot == record.boot then
      entry.confirmed, entry.seen = true, now
      save_entry(call, entry)
    else
      fenced[#fenced + 1] = call
    end
  else
    if entry then forget_entry(call, entry) end
    local restored = {node = node, boot = record.boot, boot_number = boot_number, epoch = epoch, cost = cost,
      control_url = record.control_url, confirmed = true, seen = now}
    save_entry(call, restored)
    charge(restored, 1)
  end
end
for _, call in ipairs(redis.call('SMEMBERS', KEYS[8] .. node)) do
  local entry = entry_of(call)
  if not entry or entry.node ~= node then
    redis.call('SREM', KEYS[8] .. node, call)
  elseif entry.boot == record.boot and entry.confirmed and not listed[call]
    and now - math.max(entry.seen, since) >= SUSPECT then
    bury(call, entry)
  end
end
for i = 1, 5 do redis.call('EXPIRE', KEYS[i], KEEP) end
local list = ''
for i, call in ipairs(fenced) do list = list .. (i > 1 and ',' or '') .. cjson.encode(call) end
return '{"fenced":[' .. list .. '],"cordoned":' .. tostring(l.marks >= 2) .. '}'
