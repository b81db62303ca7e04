# SPDX-License-Identifier: LGPL-2.1-or-later
"""Steps of a consumer group that must be atomic, as Lua scripts for Redis.

A consumer may be killed after any step. So Redis records a gap in the same step in
which the group moves past it, or in which a pending entry without its event is removed.
"""

from typing import Final

TEXTS = """
-- Flatten entries to: id, event, id, event, ...
local function flatten(entries)
  local flat = {}
  for _, entry in ipairs(entries) do
    local fields, text = entry[2], ''
    for i = 1, #fields, 2 do
      if fields[i] == 'event' then text = fields[i + 1] end
    end
    flat[#flat + 1] = entry[1]
    flat[#flat + 1] = text
  end
  return flat
end

local function position(id)
  return tonumber(string.match(id, '^%d+'))
end

-- Record that the events at these positions must be fetched from the history.
local function record_gap(key, first, last)
  local newest = redis.call('LINDEX', key, -1)
  if newest then
    local from, to = string.match(newest, '^(%d+)-(%d+)$')
    if tonumber(to) + 1 == first then
      redis.call('LSET', key, -1, string.format('%s-%.0f', from, last))
      return
    end
  end
  redis.call('RPUSH', key, string.format('%.0f-%.0f', first, last))
end
"""

READ: Final = (
    TEXTS
    + """
-- KEYS: stream, missed, gaps. ARGV: group, consumer, count.
-- Reply: what it is, a text about it, entries.
local function new(key)
  local reply = redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2],
    'COUNT', ARGV[3], 'STREAMS', key, '>')
  return reply and flatten(reply[1][2])
end

local missed = new(KEYS[2])
if missed then return {'events', KEYS[2], missed} end

local gap = redis.call('LINDEX', KEYS[3], 0)
if gap then return {'gap', gap, {}} end

local last
local groups = redis.pcall('XINFO', 'GROUPS', KEYS[1])
if groups.err then return redis.error_reply('NOGROUP no stream') end
for _, group in ipairs(groups) do
  local found = {}
  for i = 1, #group, 2 do found[group[i]] = group[i + 1] end
  if found['name'] == ARGV[1] then last = found['last-delivered-id'] end
end
if not last then return redis.error_reply('NOGROUP no group') end

local next = redis.call('XRANGE', KEYS[1], '(' .. last, '+', 'COUNT', 1)[1]
if not next then return {'nothing', last, {}} end
local first = position(next[1])
if first > position(last) + 1 then
  record_gap(KEYS[3], position(last) + 1, first - 1)
  redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], string.format('%.0f-0', first - 1))
  return {'gap', redis.call('LINDEX', KEYS[3], 0), {}}
end

local entries = new(KEYS[1])
for i = 3, #entries, 2 do
  local before, after = position(entries[i - 2]), position(entries[i])
  if after > before + 1 then record_gap(KEYS[3], before + 1, after - 1) end
end
return {'events', KEYS[1], entries}
"""
)

CLAIM: Final = (
    TEXTS
    + """
-- KEYS: stream, gaps ('' = entries are no positions).
-- ARGV: group, consumer, least idle time, idle time from now on, take or keep, ids.
-- Reply: entries; none for keep, which does not count as a delivery.
local taken = {}
for i = 6, #ARGV do
  local id = ARGV[i]
  if #redis.call('XRANGE', KEYS[1], id, id) == 0 then
    local pending = redis.call('XACK', KEYS[1], ARGV[1], id) == 1
    if pending and KEYS[2] ~= '' then
      record_gap(KEYS[2], position(id), position(id))
    end
  elseif ARGV[5] == 'keep' then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[3], id,
      'IDLE', ARGV[4], 'JUSTID')
  else
    local entry = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[3], id,
      'IDLE', ARGV[4])[1]
    if entry then taken[#taken + 1] = entry end
  end
end
return flatten(taken)
"""
)

FILL: Final = """
-- KEYS: gaps, missed. ARGV: the first gap, what is left of it ('' = nothing), events.
-- Reply: 0 if another consumer has filled the gap meanwhile.
if redis.call('LINDEX', KEYS[1], 0) ~= ARGV[1] then return 0 end
for i = 3, #ARGV do redis.call('XADD', KEYS[2], '*', 'event', ARGV[i]) end
if ARGV[2] == '' then
  redis.call('LPOP', KEYS[1])
else
  redis.call('LSET', KEYS[1], 0, ARGV[2])
end
return 1
"""
