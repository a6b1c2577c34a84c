-- ARGV: 2 call, 3 epoch
step()
local entry = entry_of(ARGV[2])
if not entry or entry.epoch ~= tonumber(ARGV[3]) then return answer('gone', true) end
entry.confirmed, entry.seen = true, now
save_entry(ARGV[2], entry)
return answer('done', true)
