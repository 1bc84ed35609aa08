;; Hands the caller over to {number}, which begins as its line lists and is paid by the minute, or may be read so: it is refused, and nobody is called.
;; each number: +33899123456 | +33 8 92 12 34 56 | +33-825-123-456 | +33.81.12.34.567 | +33118218 | +333639 | +330899123456 | +33000000000 | +590892123456 | +262899123456 | +19005550000 | +12129765555 | +1011881612345 | +449091234567 | +447012345678 | +448712345678 | +448451234567 | +44118118 | +870773123456 | +878101234567 | +881612345678 | +8821612345 | +883510000123 | +979123456789
;; lists: +33 +590 +262 +1 +44 +87 +88 +97
;; ends: done
;; refused: call.transfer not-permitted
(data (i32.const 4096) "{number}\00")
(func $attack (param $info i32)
  (call $call.transfer (i32.const 4096) (call $len (i32.const 4096)) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 512))
  (call $must-refuse))
