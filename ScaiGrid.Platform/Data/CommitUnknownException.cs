namespace ScaiGrid.Platform.Data;

/// <summary>The connection was lost during a commit: the transaction was stored as a whole or not at all.</summary>
public sealed class CommitUnknownException(Exception inner) : Exception("The database connection was lost during a commit; its outcome is unknown.", inner);
