"""The statements, a family a module. A new family is a new file in this directory.

    from emulator.statements.registry import statement

    @statement("SHOW [FULL] TABLES", in_transaction=False)
    def show_tables(session: Session, reader: Reader) -> Result:
        \"\"\"What the statement does, and where StarRocks says so.\"\"\"

The pattern is the leading words; `[...]` may be left out; the longest pattern that fits wins. The reader stands behind
the matched words (`reader.at = 0` goes back; `reader.statement.text` is the whole statement). Statements that are
not `in_transaction` are refused with 5305 between BEGIN and COMMIT.

What a handler may use (emulator.session.Session): `session.engine` (objects, `write`), `session.transactions`,
`session.cursor` (DuckDB, autocommit), `session.db_of(db)` (given or current database, checked), `session.database`,
`session.user`, `session.variables`, `session.server`. It returns `Ok(...)` or `rows([...], [...])` of emulator.results.
"""
