-- ARGV: 2 call, 3 epoch, 4 seed
step()
local entry = entry_of(ARGV[2])
if not entry or entry.epoch < tonumber(ARGV[3]) then return recovering() or answer('gone', true) end
if holds(entry) then return placed(ARGV[2], entry, true) end
return place(ARGV[2], entry, entry.cost, tonumber(ARGV[4]))
