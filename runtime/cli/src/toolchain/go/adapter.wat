;; Answers, inside the component, what Go's runtime asks of WASI preview 1: a Go agent imports the contract
;; and nothing else. No answer depends on anything outside, so that a call runs again the same:
;;
;;   the clock stands still, but for a microsecond at each reading and for sleeping, which takes no time;
;;   chance is the same in every call (agents have the contract's);
;;   arguments, environment, folders: none;
;;   lines written to standard output and error are notes in the call's journal;
;;   everything else is not there (ENOSYS).
;;
;; Kept as text and assembled by the build. Its only state is globals, and the line being written, which
;; stands where Go's linker leaves room for the arguments of JavaScript hosts (below 4096 + 8192).
(module
  (import "env" "memory" (memory 0))
  (import "parloir:agent/log@0.1.0" "write" (func $log (param $level i32) (param $text i32) (param $length i32)))

  ;; Nanoseconds. Go takes a zero for a broken clock.
  (global $now (mut i64) (i64.const 1000000000))
  ;; Of xorshift64*; any number but zero.
  (global $seed (mut i64) (i64.const 0x2545f4914f6cdd1d))
  ;; The line being written: its place, its most bytes (the journal cuts at 2000), its bytes so far, and its
  ;; level. A character begun has $due bytes to come, the next from $low to $high; it began at $mark.
  (global $line i32 (i32.const 4096))
  (global $most i32 (i32.const 1990))
  (global $length (mut i32) (i32.const 0))
  (global $level (mut i32) (i32.const 1))
  (global $due (mut i32) (i32.const 0))
  (global $low (mut i32) (i32.const 0))
  (global $high (mut i32) (i32.const 0))
  (global $mark (mut i32) (i32.const 0))

  ;; ---- The clock

  (func (export "clock_time_get") (param $clock i32) (param $precision i64) (param $out i32) (result i32)
    (global.set $now (i64.add (global.get $now) (i64.const 1000)))
    (i64.store (local.get $out) (global.get $now))
    (i32.const 0))

  (func (export "clock_res_get") (param $clock i32) (param $out i32) (result i32)
    (i64.store (local.get $out) (i64.const 1000))
    (i32.const 0))

  ;; The soonest of the clocks waited for rings at once, and it is then. Without one nothing ever happens:
  ;; ENOSYS.
  (func (export "poll_oneoff") (param $in i32) (param $out i32) (param $count i32) (param $events i32) (result i32)
    (local $until i64)
    (local $soonest i64)
    (local $which i32)
    (local.set $soonest (i64.const -1))
    (block $all
      (loop $each
        (br_if $all (i32.eqz (local.get $count)))
        (if (i32.eqz (i32.load8_u offset=8 (local.get $in)))
          (then
            (local.set $until (i64.load offset=24 (local.get $in)))
            (if (i32.eqz (i32.and (i32.load16_u offset=40 (local.get $in)) (i32.const 1)))
              (then (local.set $until (i64.add (local.get $until) (global.get $now)))))
            (if (i64.lt_u (local.get $until) (local.get $soonest))
              (then
                (local.set $soonest (local.get $until))
                (local.set $which (local.get $in))))))
        (local.set $in (i32.add (local.get $in) (i32.const 48)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $each)))
    (if (i32.eqz (local.get $which)) (then (return (i32.const 52))))
    (if (i64.gt_u (local.get $soonest) (global.get $now))
      (then (global.set $now (local.get $soonest))))
    (i64.store (local.get $out) (i64.load (local.get $which)))
    (i64.store offset=8 (local.get $out) (i64.const 0))
    (i64.store offset=16 (local.get $out) (i64.const 0))
    (i64.store offset=24 (local.get $out) (i64.const 0))
    (i32.store (local.get $events) (i32.const 1))
    (i32.const 0))

  (func (export "sched_yield") (result i32) (i32.const 0))

  ;; ---- Chance

  (func (export "random_get") (param $out i32) (param $count i32) (result i32)
    (block $all
      (loop $each
        (br_if $all (i32.eqz (local.get $count)))
        (global.set $seed (i64.xor (global.get $seed) (i64.shr_u (global.get $seed) (i64.const 12))))
        (global.set $seed (i64.xor (global.get $seed) (i64.shl (global.get $seed) (i64.const 25))))
        (global.set $seed (i64.xor (global.get $seed) (i64.shr_u (global.get $seed) (i64.const 27))))
        (i64.store8 (local.get $out)
          (i64.shr_u (i64.mul (global.get $seed) (i64.const 0x2545f4914f6cdd1d)) (i64.const 56)))
        (local.set $out (i32.add (local.get $out) (i32.const 1)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $each)))
    (i32.const 0))

  ;; ---- Arguments and environment: none

  (func $none (param $count i32) (param $size i32) (result i32)
    (i32.store (local.get $count) (i32.const 0))
    (i32.store (local.get $size) (i32.const 0))
    (i32.const 0))
  (func $nothing (param i32 i32) (result i32) (i32.const 0))
  (export "args_sizes_get" (func $none))
  (export "args_get" (func $nothing))
  (export "environ_sizes_get" (func $none))
  (export "environ_get" (func $nothing))

  ;; ---- Standard input, output and error; no other file

  ;; Of a file that is none: EBADF.
  (func $standard (param $file i32) (result i32)
    (select (i32.const 0) (i32.const 8) (i32.lt_u (local.get $file) (i32.const 3))))

  ;; A character device without flags, with every right.
  (func (export "fd_fdstat_get") (param $file i32) (param $out i32) (result i32)
    (i64.store (local.get $out) (i64.const 2))
    (i64.store offset=8 (local.get $out) (i64.const -1))
    (i64.store offset=16 (local.get $out) (i64.const -1))
    (call $standard (local.get $file)))
  (func (export "fd_fdstat_set_flags") (param $file i32) (param i32) (result i32)
    (call $standard (local.get $file)))
  (func (export "fd_close") (param $file i32) (result i32)
    (call $standard (local.get $file)))
  ;; Folders that were opened for the program end here: EBADF.
  (func (export "fd_prestat_get") (param i32 i32) (result i32) (i32.const 8))

  (func (export "fd_read") (param $file i32) (param i32 i32) (param $read i32) (result i32)
    (i32.store (local.get $read) (i32.const 0))
    (call $standard (local.get $file)))

  (func (export "fd_write") (param $file i32) (param $parts i32) (param $count i32) (param $written i32) (result i32)
    (local $at i32)
    (local $end i32)
    (local $total i32)
    (if (call $standard (local.get $file)) (then (return (i32.const 8))))
    ;; Standard error is an error, anything else a note.
    (global.set $level (select (i32.const 3) (i32.const 1) (i32.eq (local.get $file) (i32.const 2))))
    (block $all
      (loop $each
        (br_if $all (i32.eqz (local.get $count)))
        (local.set $at (i32.load (local.get $parts)))
        (local.set $end (i32.add (local.get $at) (i32.load offset=4 (local.get $parts))))
        (local.set $total (i32.add (local.get $total) (i32.load offset=4 (local.get $parts))))
        (block $part
          (loop $bytes
            (br_if $part (i32.ge_u (local.get $at) (local.get $end)))
            (call $put (i32.load8_u (local.get $at)))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (br $bytes)))
        (local.set $parts (i32.add (local.get $parts) (i32.const 8)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $each)))
    (i32.store (local.get $written) (local.get $total))
    (i32.const 0))

  ;; Writes the line, if there is any of it, as a note.
  (func $flush
    (call $whole)
    (if (global.get $length)
      (then (call $log (global.get $level) (global.get $line) (global.get $length))))
    (global.set $length (i32.const 0)))

  (func $append (param $byte i32)
    (i32.store8 (i32.add (global.get $line) (global.get $length)) (local.get $byte))
    (global.set $length (i32.add (global.get $length) (i32.const 1))))

  ;; What was begun of a character and not ended becomes a question mark: a note must be UTF-8.
  (func $whole
    (if (global.get $due)
      (then
        (global.set $length (global.get $mark))
        (global.set $due (i32.const 0))
        (call $append (i32.const 63)))))

  ;; Begins a character of so many more bytes, the next of them in these bounds.
  (func $begin (param $byte i32) (param $due i32) (param $low i32) (param $high i32)
    (global.set $mark (global.get $length))
    (call $append (local.get $byte))
    (global.set $due (local.get $due))
    (global.set $low (local.get $low))
    (global.set $high (local.get $high)))

  (func $put (param $byte i32)
    ;; The next byte of a character that was begun.
    (if (global.get $due)
      (then
        (if (i32.and
              (i32.ge_u (local.get $byte) (global.get $low))
              (i32.le_u (local.get $byte) (global.get $high)))
          (then
            (call $append (local.get $byte))
            (global.set $due (i32.sub (global.get $due) (i32.const 1)))
            (global.set $low (i32.const 0x80))
            (global.set $high (i32.const 0xbf))
            (return)))
        (call $whole)))
    (if (i32.eq (local.get $byte) (i32.const 10)) (then (call $flush) (return)))
    (if (i32.ge_u (global.get $length) (global.get $most)) (then (call $flush)))
    (if (i32.lt_u (local.get $byte) (i32.const 0x80)) (then (call $append (local.get $byte)) (return)))
    ;; A first byte, by RFC 3629 section 4.
    (if (i32.and (i32.ge_u (local.get $byte) (i32.const 0xc2)) (i32.le_u (local.get $byte) (i32.const 0xdf)))
      (then (call $begin (local.get $byte) (i32.const 1) (i32.const 0x80) (i32.const 0xbf)) (return)))
    (if (i32.eq (i32.and (local.get $byte) (i32.const 0xf0)) (i32.const 0xe0))
      (then
        (call $begin (local.get $byte) (i32.const 2)
          (select (i32.const 0xa0) (i32.const 0x80) (i32.eq (local.get $byte) (i32.const 0xe0)))
          (select (i32.const 0x9f) (i32.const 0xbf) (i32.eq (local.get $byte) (i32.const 0xed))))
        (return)))
    (if (i32.and (i32.ge_u (local.get $byte) (i32.const 0xf0)) (i32.le_u (local.get $byte) (i32.const 0xf4)))
      (then
        (call $begin (local.get $byte) (i32.const 3)
          (select (i32.const 0x90) (i32.const 0x80) (i32.eq (local.get $byte) (i32.const 0xf0)))
          (select (i32.const 0x8f) (i32.const 0xbf) (i32.eq (local.get $byte) (i32.const 0xf4))))
        (return)))
    (call $append (i32.const 63)))

  ;; ---- The end

  (func (export "proc_exit") (param i32)
    (call $flush)
    (unreachable))

  ;; ---- What is not there (ENOSYS)

  (func (export "fd_advise") (param i32 i64 i64 i32) (result i32) (i32.const 52))
  (func (export "fd_allocate") (param i32 i64 i64) (result i32) (i32.const 52))
  (func (export "fd_datasync") (param i32) (result i32) (i32.const 52))
  (func (export "fd_fdstat_set_rights") (param i32 i64 i64) (result i32) (i32.const 52))
  (func (export "fd_filestat_get") (param i32 i32) (result i32) (i32.const 52))
  (func (export "fd_filestat_set_size") (param i32 i64) (result i32) (i32.const 52))
  (func (export "fd_filestat_set_times") (param i32 i64 i64 i32) (result i32) (i32.const 52))
  (func (export "fd_pread") (param i32 i32 i32 i64 i32) (result i32) (i32.const 52))
  (func (export "fd_prestat_dir_name") (param i32 i32 i32) (result i32) (i32.const 52))
  (func (export "fd_pwrite") (param i32 i32 i32 i64 i32) (result i32) (i32.const 52))
  (func (export "fd_readdir") (param i32 i32 i32 i64 i32) (result i32) (i32.const 52))
  (func (export "fd_renumber") (param i32 i32) (result i32) (i32.const 52))
  (func (export "fd_seek") (param i32 i64 i32 i32) (result i32) (i32.const 52))
  (func (export "fd_sync") (param i32) (result i32) (i32.const 52))
  (func (export "fd_tell") (param i32 i32) (result i32) (i32.const 52))
  (func (export "path_create_directory") (param i32 i32 i32) (result i32) (i32.const 52))
  (func (export "path_filestat_get") (param i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "path_filestat_set_times") (param i32 i32 i32 i32 i64 i64 i32) (result i32) (i32.const 52))
  (func (export "path_link") (param i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "path_open") (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32) (i32.const 52))
  (func (export "path_readlink") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "path_remove_directory") (param i32 i32 i32) (result i32) (i32.const 52))
  (func (export "path_rename") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "path_symlink") (param i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "path_unlink_file") (param i32 i32 i32) (result i32) (i32.const 52))
  (func (export "proc_raise") (param i32) (result i32) (i32.const 52))
  (func (export "sock_accept") (param i32 i32 i32) (result i32) (i32.const 52))
  (func (export "sock_recv") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "sock_send") (param i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "sock_shutdown") (param i32 i32) (result i32) (i32.const 52)))
