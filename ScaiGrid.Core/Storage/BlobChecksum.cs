using System.Security.Cryptography;

namespace ScaiGrid.Core.Storage;

/// <summary>The expected digest of a body.</summary>
public sealed record BlobChecksum(HashAlgorithmName Algorithm, byte[] Value);
