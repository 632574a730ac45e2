using ScaiGrid.Core.Storage;

namespace ScaiGrid.Modules.Bunker.Storage;

/// <summary>The operations that a capability allows.</summary>
[Flags]
public enum StorageMethods
{
    None = 0,

    /// <summary>Read; includes <see cref="Head"/>.</summary>
    Get = 1,
    Head = 2,
    Put = 4,
    Delete = 8,

    /// <summary>List the keys under the prefix.</summary>
    List = 16,
}

/// <summary>
/// A self-contained right to one object, or to the objects of one folder, verified without a user or database. See <see cref="CapabilitySigner"/>.
/// </summary>
public sealed record StorageCapability
{
    private StorageCapability(StorageMethods methods, string target, bool isPrefix, long? maxBytes, DateTimeOffset expiresAt) =>
        (Methods, Target, IsPrefix, MaxBytes, ExpiresAt) = (methods, target, isPrefix, maxBytes, expiresAt);

    public StorageMethods Methods { get; }

    /// <summary>The key; or the prefix, which is empty (everything) or ends in a slash.</summary>
    public string Target { get; }

    public bool IsPrefix { get; }

    /// <summary>The largest body that may be stored, in bytes; null for no limit.</summary>
    public long? MaxBytes { get; }

    public DateTimeOffset ExpiresAt { get; }

    public static StorageCapability ForKey(string key, StorageMethods methods, DateTimeOffset expiresAt, long? maxBytes = null) => BlobKey.IsValid(key)
        ? new StorageCapability(methods, key, isPrefix: false, maxBytes, expiresAt)
        : throw new ArgumentException("The key is not valid.", nameof(key));

    /// <param name="prefix">
    /// A folder: <c>images</c> and <c>images/</c> mean the same and do not cover <c>images-private/x</c>. Empty: every key.
    /// </param>
    /// <param name="methods">The allowed operations.</param>
    /// <param name="expiresAt">When the capability expires.</param>
    /// <param name="maxBytes">The largest body that may be stored, in bytes; null for no limit.</param>
    public static StorageCapability ForPrefix(string prefix, StorageMethods methods, DateTimeOffset expiresAt, long? maxBytes = null)
    {
        var folder = prefix.EndsWith('/') ? prefix[..^1] : prefix;
        return prefix.Length == 0 || BlobKey.IsValid(folder)
            ? new StorageCapability(methods, prefix.Length == 0 ? "" : folder + "/", isPrefix: true, maxBytes, expiresAt)
            : throw new ArgumentException("The prefix is not valid.", nameof(prefix));
    }

    public bool Allows(StorageMethods method) =>
        (Methods & method) == method || (method == StorageMethods.Head && Methods.HasFlag(StorageMethods.Get));

    /// <summary>Whether a key, or a prefix to list, lies within this capability.</summary>
    public bool Covers(string key) => IsPrefix ? key.StartsWith(Target, StringComparison.Ordinal) : key == Target;
}
