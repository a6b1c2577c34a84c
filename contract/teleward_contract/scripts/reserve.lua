-- ARGV: 2 call, 3 cost, 4 seed
step()
local entry = entry_of(ARGV[2])
if entry and holds(entry) then return placed(ARGV[2], entry, true) end
return place(ARGV[2], entry, entry and entry.cost or tonumber(ARGV[3]), tonumber(ARGV[4]))
