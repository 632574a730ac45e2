using FluentMigrator.Expressions;
using FluentMigrator.Runner.Generators.MySql;

namespace ScaiGrid.Platform.Data;

/// <summary>Generates statements that can be repeated.</summary>
/// <remarks>
/// MariaDB commits before and after every DDL statement, so a migration that stops halfway leaves its first statements applied and its version
/// unrecorded. The next run repeats the whole migration, and skips what exists already. Authors of migrations must therefore put statements
/// that write rows into a migration of their own, which is one transaction together with its version.
/// </remarks>
internal sealed class MariaDbGenerator() : MySql5Generator(new MySqlQuoter(), new MariaDbTypes())
{
    public override string DropTable => "DROP TABLE IF EXISTS {0}";

    public override string AddColumn => "ALTER TABLE {0} ADD COLUMN IF NOT EXISTS {1}";

    public override string DropColumn => "ALTER TABLE {0} DROP COLUMN IF EXISTS {1}";

    public override string CreateIndex => "CREATE {0}{1}INDEX IF NOT EXISTS {2} ON {3} ({4})";

    public override string Generate(CreateTableExpression expression) =>
        Repeatable(base.Generate(expression), "CREATE TABLE ", "CREATE TABLE IF NOT EXISTS ");

    public override string Generate(CreateForeignKeyExpression expression) =>
        Repeatable(base.Generate(expression), " FOREIGN KEY (", " FOREIGN KEY IF NOT EXISTS (");

    public override string Generate(DeleteIndexExpression expression) =>
        Repeatable(base.Generate(expression), "DROP INDEX ", "DROP INDEX IF EXISTS ");

    // The base class builds these without a template. If its text changes, the migration fails here instead of losing its repeatability.
    private static string Repeatable(string sql, string from, string to) => sql.Contains(from, StringComparison.Ordinal)
        ? sql.Replace(from, to, StringComparison.Ordinal)
        : throw new InvalidOperationException($"The statement cannot be made repeatable: {sql}");
}
