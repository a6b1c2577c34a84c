-- ARGV: 2 call, 3 epoch, 4 cost
step()
local entry = entry_of(ARGV[2])
if not entry or entry.epoch ~= tonumber(ARGV[3]) or not holds(entry) then return answer('gone', true) end
local cost, l = tonumber(ARGV[4]), load_of(entry.node)
if cost > entry.cost and l.used + cost - entry.cost > l.capacity then return answer('full', 'NoCapacity') end
charge(entry, -1)
entry.cost = cost
charge(entry, 1)
save_entry(ARGV[2], entry)
return placed(ARGV[2], entry, true)
