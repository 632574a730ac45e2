namespace ScaiGrid.Core.Data;

public enum DatabaseKind
{
    MariaDb,
    Sqlite,
}
