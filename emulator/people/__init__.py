"""Users, roles and privileges: who may log in, and what a session may touch.

privileges    kinds of objects and the privileges on each
grants        what is granted on what: grant, revoke, check
accounts      users and roles as objects of the engine
passwords     mysql_native_password
naming        users, roles and other names as statements give them
login         which user a client is
access        what a session may do, now; StarRocks' refusal
objects       names as grants keep them (ids, so that a grant follows a renamed table)
reading       the guard of a query: SELECT on tables and views, SECURITY INVOKER
wording       grants as SHOW GRANTS prints them
sight         what lists and information_schema may show
rules         the privileges of each statement; a statement without a rule is root's alone
"""
