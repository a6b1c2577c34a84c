-- ARGV: 2 call, 3 epoch, 4 cost
step()
local entry = entry_of(ARGV[2])
if not entry or entry.epoch ~= tonumber(ARGV[3]) or not holds(entry) then return answer('gone', true) end
local l, more = load_of(entry.node), tonumber(ARGV[4]) - entry.cost
if more > 0 and l.used + more > l.capacity then return answer('full', 'NoCapacity') end
charge(entry, more)
entry.cost = entry.cost + more
save_entry(ARGV[2], entry)
return placed(ARGV[2], entry, true)
