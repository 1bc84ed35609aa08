;; What every agent of the corpus is made of: the contract's imports as the canonical ABI lowers them, and the exports it
;; asks for. An agent takes the place of a section by naming it after `without:`.
;;
;; Addresses: 64 words of `describe`, 512 where the host writes its answers, 768 the outcome, 1024 the description, from 4096 the
;; agent's own, from 65536 what `cabi_realloc` gives out.

;;; imports
(import "parloir:agent/call@0.1.0" "say" (func $call.say (param i32 i32 i32 i32 i32 i32 i32)))
(import "parloir:agent/call@0.1.0" "play" (func $call.play (param i32 i32 i32 i32 i32 i32 i32)))
(import "parloir:agent/call@0.1.0" "listen" (func $call.listen (param i32 i32 i32 i32 i32 i32 i32 i32 i32)))
(import "parloir:agent/call@0.1.0" "ask" (func $call.ask (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
(import "parloir:agent/call@0.1.0" "transfer" (func $call.transfer (param i32 i32 i32 i32 i32 i32)))
(import "parloir:agent/call@0.1.0" "consent" (func $call.consent (param i32 i32)))
(import "parloir:agent/call@0.1.0" "pause-recording" (func $call.pause-recording (param i32)))
(import "parloir:agent/call@0.1.0" "resume-recording" (func $call.resume-recording (param i32)))
(import "parloir:agent/call@0.1.0" "hang-up" (func $call.hang-up))
(import "parloir:agent/model@0.1.0" "available" (func $model.available (result i32)))
(import "parloir:agent/model@0.1.0" "chat" (func $model.chat (param i32 i32 i32 i32 f32 i32 i32 i32)))
(import "parloir:agent/model@0.1.0" "reply" (func $model.reply (param i32 i32 i32 i32 f32 i32 i32 i32 i32 i32 i32 i32)))
(import "parloir:agent/calendar@0.1.0" "free" (func $calendar.free (param i32 i32)))
(import "parloir:agent/calendar@0.1.0" "book" (func $calendar.book (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
(import "parloir:agent/calendar@0.1.0" "find" (func $calendar.find (param i32 i32 i32)))
(import "parloir:agent/calendar@0.1.0" "move" (func $calendar.move (param i32 i32 i32 i32 i32)))
(import "parloir:agent/calendar@0.1.0" "cancel" (func $calendar.cancel (param i32 i32 i32)))
(import "parloir:agent/memory@0.1.0" "get" (func $memory.get (param i32 i32 i32)))
(import "parloir:agent/memory@0.1.0" "set" (func $memory.set (param i32 i32 i32 i32 i32)))
(import "parloir:agent/memory@0.1.0" "compare-and-set" (func $memory.compare-and-set (param i32 i32 i32 i32 i32 i32 i32 i32)))
(import "parloir:agent/memory@0.1.0" "delete" (func $memory.delete (param i32 i32 i32)))
(import "parloir:agent/documents@0.1.0" "list" (func $documents.list (param i32)))
(import "parloir:agent/documents@0.1.0" "read" (func $documents.read (param i32 i32 i32)))
(import "parloir:agent/documents@0.1.0" "search" (func $documents.search (param i32 i32 i32 i32)))
(import "parloir:agent/connectors@0.1.0" "list" (func $connectors.list (param i32)))
(import "parloir:agent/connectors@0.1.0" "send" (func $connectors.send (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
(import "parloir:agent/report@0.1.0" "set" (func $report.set (param i32 i32)))
(import "parloir:agent/clock@0.1.0" "now" (func $clock.now (param i32)))
(import "parloir:agent/clock@0.1.0" "weekday" (func $clock.weekday (result i32)))
(import "parloir:agent/clock@0.1.0" "elapsed" (func $clock.elapsed (result i32)))
(import "parloir:agent/random@0.1.0" "bytes" (func $random.bytes (param i32 i32)))
(import "parloir:agent/log@0.1.0" "write" (func $log.write (param i32 i32 i32)))
(import "parloir:agent/understanding@0.1.0" "yes-no" (func $understanding.yes-no (param i32 i32 i32 i32 i32)))
(import "parloir:agent/understanding@0.1.0" "digits" (func $understanding.digits (param i32 i32 i32 i32 i32)))
(import "parloir:agent/understanding@0.1.0" "number" (func $understanding.number (param i32 i32 i32 i32 i32)))
(import "parloir:agent/understanding@0.1.0" "amount" (func $understanding.amount (param i32 i32 i32 i32 i32)))
(import "parloir:agent/understanding@0.1.0" "when" (func $understanding.when (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
(import "parloir:agent/understanding@0.1.0" "refine" (func $understanding.refine (param i32 i32)))
(import "parloir:agent/understanding@0.1.0" "around" (func $understanding.around (param i32 i32)))
(import "parloir:agent/understanding@0.1.0" "fits" (func $understanding.fits (param i32) (result i32)))
(import "parloir:agent/understanding@0.1.0" "phone" (func $understanding.phone (param i32 i32 i32 i32 i32 i32 i32)))
(import "parloir:agent/understanding@0.1.0" "name" (func $understanding.name (param i32 i32 i32 i32 i32)))
(import "parloir:agent/understanding@0.1.0" "choose" (func $understanding.choose (param i32 i32 i32 i32 i32 i32 i32)))
(import "parloir:agent/understanding@0.1.0" "choose-moment" (func $understanding.choose-moment (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
(import "parloir:agent/understanding@0.1.0" "intents" (func $understanding.intents (param i32 i32 i32 i32 i32)))
(import "parloir:agent/understanding@0.1.0" "relative-wish" (func $understanding.relative-wish (param i32 i32 i32 i32 i32)))
(import "parloir:agent/understanding@0.1.0" "is-noise" (func $understanding.is-noise (param i32 i32) (result i32)))
(import "parloir:agent/understanding@0.1.0" "once" (func $understanding.once (param i32 i32 i32)))
(import "parloir:agent/understanding@0.1.0" "language-of" (func $understanding.language-of (param i32 i32 i32)))
(import "parloir:agent/understanding@0.1.0" "say-date" (func $understanding.say-date (param i32 i32 i32 i32 i32 i32 i32 i32)))
(import "parloir:agent/understanding@0.1.0" "say-time" (func $understanding.say-time (param i32 i32 i32 i32 i32 i32 i32 i32)))
(import "parloir:agent/understanding@0.1.0" "say-moment" (func $understanding.say-moment (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
(import "parloir:agent/understanding@0.1.0" "say-number" (func $understanding.say-number (param i32 i32 i32 i32)))
(import "parloir:agent/understanding@0.1.0" "say-phone" (func $understanding.say-phone (param i32 i32 i32 i32 i32)))
(import "parloir:agent/understanding@0.1.0" "say-spelled" (func $understanding.say-spelled (param i32 i32 i32)))
(import "parloir:agent/understanding@0.1.0" "say-list" (func $understanding.say-list (param i32 i32 i32 i32 i32 i32)))

;;; memory
(memory (export "memory") 2)
;;; words
(data (i32.const 64) "hostile0.1.0fr-FRmodelcalendarmemorydocumentstransferESCAPEDconnectors")
;;; realloc
(global $heap (mut i32) (i32.const 65536))
(func $realloc (export "cabi_realloc") (param $old i32) (param $had i32) (param $align i32) (param $size i32) (result i32)
  (local $at i32) (local $end i32)
  (local.set $at
    (i32.and
      (i32.add (global.get $heap) (i32.sub (local.get $align) (i32.const 1)))
      (i32.xor (i32.sub (local.get $align) (i32.const 1)) (i32.const -1))))
  (local.set $end (i32.add (local.get $at) (local.get $size)))
  (if (i32.gt_u (local.get $end) (i32.mul (memory.size) (i32.const 65536)))
    (then
      (if (i32.eq
            (memory.grow (i32.add (i32.div_u (local.get $size) (i32.const 65536)) (i32.const 1)))
            (i32.const -1))
        (then (unreachable)))))
  (global.set $heap (local.get $end))
  (local.get $at))
;;; describe
(data (i32.const 1024) "\40\00\00\00\07\00\00\00\47\00\00\00\05\00\00\00\28\04\00\00\01\00\00\00\38\04\00\00\06\00\00\00")
(data (i32.const 1064) "\4c\00\00\00\05\00\00\00")
(func (export "describe") (result i32) (i32.const 1024))
;;; capabilities
(data (i32.const 1080) "\51\00\00\00\05\00\00\00\56\00\00\00\08\00\00\00\5e\00\00\00\06\00\00\00\64\00\00\00\09\00\00\00\6d\00\00\00\08\00\00\00\7c\00\00\00\0a\00\00\00")
;;; answer
(func (export "answer") (param $info i32) (result i32)
  (call $attack (local.get $info))
  (i32.const 768))
;;; helpers
;; Whoever got what was none of its own says so: the call then ends in failure, with this word.
(func $escaped
  (i32.store8 (i32.const 768) (i32.const 4))
  (i32.store (i32.const 772) (i32.const 117))
  (i32.store (i32.const 776) (i32.const 7)))
;; The length of a text that a zero ends.
(func $len (param $text i32) (result i32)
  (local $n i32)
  (block $end
    (loop $next
      (br_if $end (i32.eqz (i32.load8_u (i32.add (local.get $text) (local.get $n)))))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br $next)))
  (local.get $n))
;; Whether the host refused what it answered last.
(func $refused (result i32) (i32.load8_u (i32.const 512)))
(func $must-refuse (if (i32.eqz (call $refused)) (then (call $escaped))))
(func $say (param $text i32)
  (call $call.say (local.get $text) (call $len (local.get $text))
    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 512)))
(func $note (param $text i32)
  (call $log.write (i32.const 1) (local.get $text) (call $len (local.get $text))))
(func $listen (param $patience i32)
  (call $call.listen (local.get $patience) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 512)))
;; Asks a connector for a path, both ended by a zero, by a method, with nothing else.
(func $send (param $connector i32) (param $method i32) (param $path i32)
  (call $connectors.send (local.get $connector) (call $len (local.get $connector)) (local.get $method)
    (local.get $path) (call $len (local.get $path)) (i32.const 0) (i32.const 0)
    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 512)))
;; So many of a byte, from an address on.
(func $fill (param $at i32) (param $byte i32) (param $count i32)
  (memory.fill (local.get $at) (local.get $byte) (local.get $count)))
;; Memory of so many pages at least.
(func $pages (param $wanted i32)
  (if (i32.lt_u (memory.size) (local.get $wanted))
    (then
      (if (i32.eq (memory.grow (i32.sub (local.get $wanted) (memory.size))) (i32.const -1))
        (then (unreachable))))))
