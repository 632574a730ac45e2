-- Sets a budget's use to that in the database up to a minute, plus what was settled since.
-- KEYS  the budget
-- ARGV  1 period start (minute), 2 force (1: also if the state is of a later period or of another calendar), 3 first minute not in the base,
--       4 to 6 base: cost, tokens, requests; 7 the current minute; 8 first minute of which settlements may not have arrived yet; 9 calendar;
--       10 part (0: base and minutes are all calls; only a part of them: 1 of a budget that does not block, 2 of one that blocks);
--       then minutes that the database has after the base: minute, cost, tokens, requests
-- Returns 1 if the budget was set, 0 if it was left as it is, -1 if its use is not known.
local MAX = '9223372036854775807'
local key, start, from = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[3])
local state = redis.call('HMGET', key, 'p', 'k', 'm')
local period, calendar = state[1], state[2]

-- Without a period the use is not known: any calendar may set it.
if period and ARGV[2] ~= '1' and (tonumber(period) > start or (calendar and calendar ~= ARGV[9])) then return 0 end

-- A part of the calls corrects nothing that is known. A budget that blocks is unknown until all calls can be read, and its calls are refused: with
-- too low a use it could be exceeded. One that does not block is set to the part, and has no minute of a comparison.
local compared = ARGV[7]
if ARGV[10] ~= '0' then
  local blocks = ARGV[10] == '2'
  local isSet = period and (not calendar or calendar == ARGV[9])
  if isSet and not (blocks and state[3] == '0') then return 0 end
  if blocks then
    redis.call('HDEL', key, 'p', 'k')
    return -1
  end
  compared = 0
end

-- The database's minutes are used if they are greater: a settlement was lost, or the state was lost and has no minutes of its own. If the state
-- is known, minutes whose settlements may still arrive are not used, because these would then be counted twice.
local isKnown = period and tonumber(period) == start
for i = 11, #ARGV, 4 do
  if not isKnown or tonumber(ARGV[i]) < tonumber(ARGV[8]) then
    for j, name in ipairs({'c', 't', 'n'}) do
      local field, known = name .. ARGV[i], nil
      known = redis.call('HGET', key, field)
      if not known or tonumber(known) < tonumber(ARGV[i + j]) then redis.call('HSET', key, field, ARGV[i + j]) end
    end
  end
end

redis.call('HSET', key, 'p', start, 'c', ARGV[4], 't', ARGV[5], 'n', ARGV[6], 'm', compared, 'k', ARGV[9])
redis.call('EXPIRE', key, 3456000)
local all = redis.call('HGETALL', key)
for i = 1, #all, 2 do
  local name, minute = string.match(all[i], '^([ctn])(%d+)$')
  if minute then
    if tonumber(minute) < from or tonumber(minute) < start then
      redis.call('HDEL', key, all[i])
    else
      local sum = redis.pcall('HINCRBY', key, name, all[i + 1])
      if type(sum) == 'table' and sum.err then redis.call('HSET', key, name, MAX) end
    end
  end
end

return 1
