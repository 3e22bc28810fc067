-- Ends the leases of a process that is gone, those that it held and those that it waited for.
DELETE FROM leases WHERE process = :process
