-- ARGV: 2 call
local entry = entry_of(ARGV[2])
return entry and placed(ARGV[2], entry, true) or answer('gone', true)
