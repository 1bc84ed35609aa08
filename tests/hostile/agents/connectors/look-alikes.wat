;; Asks its connector for the path {path}, whose letters some service may take for others: it goes below the connector's own address as what it is.
;; each path: \ef\bc\8e\ef\bc\8e/anne/secret | \e2\80\a4\e2\80\a4/anne/secret | a\ef\bc\8f..\ef\bc\8f..\ef\bc\8fanne | a\e2\88\95secret | \ef\bc\85\32\65\32\65/anne | a@127.0.0.2/secret | http:127.0.0.2/anne/secret | a:b@c | \e2\84\80/anne | a\ef\b8\8f/anne | \ef\bb\bfanne/secret | a&b=c | a;b=..\ef\bc\8fanne | a=b,c!d$e'f(g)*h | {{}}/$(id)/`id` | \f0\9f\94\91/anne
;; ends: done
(data (i32.const 4096) "crm\00")
(data (i32.const 5120) "{path}\00")
(func $attack (param $info i32)
  (call $send (i32.const 4096) (i32.const 0) (i32.const 5120)))
