-- What the body of a call says of it: its model, and whether it has turns. Pure.
-- Law: it is sure or it says nothing. What is no JSON to the letter, or could be read in two ways, is the edge's to judge.
local byte, find, match, sub = string.byte, string.find, string.match, string.sub

local QUOTE, BACKSLASH, COMMA, COLON, POINT, SMALL_E, LARGE_E = 34, 92, 44, 58, 46, 101, 69
local BRACE, END_OF_BRACE, BRACKET, END_OF_BRACKET = 123, 125, 91, 93
local ESCAPED = {[34] = true, [47] = true, [92] = true, [98] = true, [102] = true, [110] = true, [114] = true, [116] = true} -- "/\\bfnrt
local DEEPEST = 64 -- a recursion for each level
local LONGEST_NAME = 200

-- Each of these gives the place behind what begins at `at`, or nil where that is not what should be there.

local function past_space(text, at)
  local next = byte(text, at)
  if next == nil or next > 32 then return at end
  return match(text, "^[ \t\r\n]*()", at)
end

local function past_wide(text, at) -- characters of several bytes, of which UTF-8 knows one spelling each
  local first = byte(text, at)
  repeat
    local lowest, highest, more = 0x80, 0xBF, 3
    if first < 0xC2 or first > 0xF4 then
      return nil
    elseif first < 0xE0 then
      more = 1
    elseif first < 0xF0 then
      more = 2
    end
    if first == 0xE0 then lowest = 0xA0 elseif first == 0xED then highest = 0x9F end
    if first == 0xF0 then lowest = 0x90 elseif first == 0xF4 then highest = 0x8F end
    for place = at + 1, at + more do
      local next = byte(text, place)
      if next == nil or next < lowest or next > highest then return nil end
      lowest, highest = 0x80, 0xBF
    end
    at = at + more + 1
    first = byte(text, at)
  until first == nil or first < 0x80
  return at
end

local function past_escape(text, at)
  if ESCAPED[byte(text, at + 1)] then return at + 2 end
  return match(text, "^\\u[%dabcefABCEF]%x%x%x()", at)
    or match(text, "^\\u[dD][0-7]%x%x()", at)
    or match(text, "^\\u[dD][89abAB]%x%x\\u[dD][c-fC-F]%x%x()", at) -- two halves of one character; half of one is none
end

-- Byte by byte: where strings are long, this is what is compiled.
local function past_string(text, at)
  at = at + 1
  local next = byte(text, at)
  while next do
    if next == QUOTE then return at + 1 end
    if next == BACKSLASH then
      at = past_escape(text, at)
    elseif next >= 0x80 then
      at = past_wide(text, at)
    elseif next >= 32 then
      at = at + 1
    else
      return nil
    end
    next = at and byte(text, at)
  end
end

local function past_number(text, at)
  at = match(text, "^%-?[1-9]%d*()", at) or match(text, "^%-?0()", at)
  local next = at and byte(text, at)
  if next == POINT then
    at = match(text, "^%.%d+()", at)
    next = at and byte(text, at)
  end
  if next == SMALL_E or next == LARGE_E then at = match(text, "^[eE][+-]?%d+()", at) end
  return at
end

local past_value

local function past_list(text, at, depth)
  at = past_space(text, at + 1)
  if byte(text, at) == END_OF_BRACKET then return at + 1 end
  while at do
    at = past_value(text, at, depth)
    if not at then return nil end
    at = past_space(text, at)
    local next = byte(text, at)
    if next == END_OF_BRACKET then return at + 1 end
    at = next == COMMA and past_space(text, at + 1)
  end
end

-- `places` gets where the value of each key begins; of a key that stands twice the last, as the edge has it.
local function past_object(text, at, depth, places)
  at = past_space(text, at + 1)
  if byte(text, at) == END_OF_BRACE then return at + 1 end
  while at do
    local key = byte(text, at) == QUOTE and past_string(text, at)
    local colon = key and past_space(text, key)
    if not colon or byte(text, colon) ~= COLON then return nil end
    local value = past_space(text, colon + 1)
    if places then places[sub(text, at + 1, key - 2)] = value end
    at = past_value(text, value, depth)
    if not at then return nil end
    at = past_space(text, at)
    local next = byte(text, at)
    if next == END_OF_BRACE then return at + 1 end
    at = next == COMMA and past_space(text, at + 1)
  end
end

past_value = function(text, at, depth)
  local first = byte(text, at)
  if first == QUOTE then return past_string(text, at) end
  if first == BRACE then return depth < DEEPEST and past_object(text, at, depth + 1) or nil end
  if first == BRACKET then return depth < DEEPEST and past_list(text, at, depth + 1) or nil end
  return past_number(text, at) or match(text, "^true()", at) or match(text, "^false()", at) or match(text, "^null()", at)
end

-- The model's name, and whether `messages` has something in it; nothing where it is not sure of both.
local function head(text)
  local places, at = {}, past_space(text, 1)
  local past = byte(text, at) == BRACE and past_object(text, at, 1, places)
  if not past or past_space(text, past) <= #text then return nil end
  for key in pairs(places) do
    if find(key, "\\", 1, true) then return nil end -- one of ours, perhaps, in another spelling
  end
  local stream = places.stream and byte(text, places.stream)
  if stream and stream ~= 116 and stream ~= 102 and stream ~= 110 then return nil end -- true, false or null
  local model = places.model and match(text, '^"([^"\\]+)"', places.model)
  if not model or #model > LONGEST_NAME then return nil end
  local turns = places.messages
  turns = turns and byte(text, turns) == BRACKET and byte(text, past_space(text, turns + 1)) ~= END_OF_BRACKET
  return model, turns or false
end
