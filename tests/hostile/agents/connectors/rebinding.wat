;; Uses a connector whose name leads to its own service first, and the next time to {where}: it is answered once, nothing is sent there, and what is there is not told.
;; each where, name: what listens in the operator's network = private | the metadata service = metadata | the operator's network, as an IPv4 address in an IPv6 one = mapped | the metadata service, as an IPv4 address in an IPv6 one = mapped-metadata | the operator's network, as it was once written in IPv6 = compatible | the operator's network, behind NAT64 = nat64 | the operator's network, by 6to4 = six-to-four | the operator's network, by ISATAP = isatap | the machine itself, by IPv6 = loopback
;; ends: done
;; refused: connectors.send unavailable
(data (i32.const 4096) "then-{name}\00")
(data (i32.const 5120) "list\00")
(func $attack (param $info i32)
  (call $send (i32.const 4096) (i32.const 0) (i32.const 5120))
  (if (i32.or (call $refused) (i32.ne (i32.load16_u (i32.const 516)) (i32.const 200))) (then (unreachable)))
  (call $send (i32.const 4096) (i32.const 0) (i32.const 5120))
  (call $must-refuse))
