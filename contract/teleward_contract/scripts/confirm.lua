-- ARGV: 2 call, 3 epoch
step()
local entry = entry_of(ARGV[2])
if not entry or entry.epoch ~= tonumber(ARGV[3]) then return 0 end
confirm(ARGV[2], entry)
return 1
