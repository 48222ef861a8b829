-- A failed call of the transcoder, in OpenAI's four keys. `rows`, put in front of this, is the edge's own table of errors;
-- the core has said the message and the field as JSON, so that nothing is quoted here.
local ours = {"x-cli2api-reason", "x-cli2api-message", "x-cli2api-param", "x-cli2api-code", "grpc-status", "grpc-message",
  "grpc-status-details-bin", "grpc-accept-encoding", "grpc-encoding"}

function envoy_on_response(response)
  local headers = response:headers()
  local status = headers:get("grpc-status")
  local reason = headers:get("x-cli2api-reason")
  local message = headers:get("x-cli2api-message")
  local param = headers:get("x-cli2api-param") 
  local code = headers:get("x-cli2api-code")
  for _, name in ipairs(ours) do headers:remove(name) end
  if status == nil or status == "0" then return end
  if message == nil then
    -- Envoy's own word: the core was not reached, or broke off.
    reason = status == "14" and "CORE_UNREACHABLE" or "CORE_LOST"
    message = status == "14" and '"the gateway is starting or restarting, try again"'
      or '"the gateway broke off while it served this call; what was started goes on as a job"'
  end
  local row = rows[reason] or rows.INTERNAL
  headers:replace(":status", row.status)
  headers:replace("content-type", "application/json")
  if row.never then headers:replace("x-should-retry", "false") end
  response:body(true):setBytes(string.format('{"error":{"message":%s,"type":"%s","param":%s,"code":%s}}',
    message, row.type, param or row.param, code or '"' .. row.code .. '"'))
end
