-- A failed call of the transcoder, in OpenAI's four keys. `rows` and `bare`, put in front of this, are the edge's own tables of
-- errors; the core has said the message and the field as JSON, so that nothing is quoted here.
local inner = {"x-cli2api-reason", "x-cli2api-message", "x-cli2api-param", "x-cli2api-code", "grpc-status", "grpc-message",
  "grpc-status-details-bin", "grpc-accept-encoding", "grpc-encoding"}

-- HTTP allows more in a header than gRPC's metadata does, and the core drops a call whose metadata it cannot read. What is no
-- metadata, and what would speak as gRPC itself, stays outside.
function envoy_on_request(request)
  local headers = request:headers()
  local foreign = {}
  for name, value in pairs(headers) do
    if name:sub(1, 1) ~= ":"
      and (name:find("[^a-z0-9_.-]") or name:find("-bin$") or name:find("^grpc-") or value:find("[^ -~]")) then
      table.insert(foreign, name)
    end
  end
  for _, name in ipairs(foreign) do headers:remove(name) end
end

function envoy_on_response(response)
  local headers = response:headers()
  local said = {}
  for _, name in ipairs(inner) do
    said[name] = headers:get(name)
    headers:remove(name)
  end
  local status = said["grpc-status"]
  if status == nil or status == "0" then return end
  local reason, message = said["x-cli2api-reason"], said["x-cli2api-message"]
  if message == nil then
    local words = bare[status] or bare["1"]
    reason, message = words[1], words[2]
  end
  local row = rows[reason] or rows.INTERNAL
  headers:replace(":status", row.status)
  headers:replace("content-type", "application/json")
  if row.never then headers:replace("x-should-retry", "false") end
  response:body(true):setBytes(string.format('{"error":{"message":%s,"type":"%s","param":%s,"code":%s}}',
    message, row.type, said["x-cli2api-param"] or row.param, said["x-cli2api-code"] or '"' .. row.code .. '"'))
end
