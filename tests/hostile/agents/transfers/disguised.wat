;; Hands the caller over to {number}, which begins as its line allows and leads elsewhere: it is refused.
;; each number: +33199000002,,,0899123456 | +33199000002;phone-context=+33899 | +33199000002;ext=9 | +33199000002w899 | +331\00899123456 | +33199000002\0a+33899123456 | +33199000002</Dial><Dial>+33899123456 | sip:+33199000002@203.0.113.9 | tel:+33199000002 | 00331990000002 | 0033199000002 | 3615 | 112 | *21*0899123456# | +\ef\bc\93\ef\bc\93199000002 | +\d9\a3\d9\a3199000002 | ++33199000002 | +33199000002+33899123456 | +331990000021234567 | client:anne | https://203.0.113.9/twiml
;; ends: done
;; refused: call.transfer not-permitted/invalid
(data (i32.const 4096) "{number}\00")
(func $attack (param $info i32)
  (call $call.transfer (i32.const 4096) (call $len (i32.const 4096)) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 512))
  (call $must-refuse))
