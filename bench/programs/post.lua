-- One fixed note again and again: the most that the stub and the wire give.
wrk.method = "POST"
wrk.headers["authorization"] = "key"
wrk.headers["content-type"] = "application/json"
wrk.body = '{"name":"Call (1-1)","text":"Spoke with the owner; they want a call back next week. Asked for a quote for 40 units, ' ..
  'delivery before the end of the month. Budget is around 12,500, maybe 15,000 if it includes the installation. Ref. 1-1."}'
