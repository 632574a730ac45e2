using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Audit;

/// <summary>
/// The hash that chains a tenant's rows: SHA-256 in lower-case hex over the fields of a row as netstrings (<c>5:hello,</c>: the length in
/// bytes of the UTF-8, a colon, the text, a comma) in the order below, starting with the hash of the previous row. It can be recomputed
/// from an export with a few lines of any language.
/// </summary>
internal static class AuditHash
{
    public static string Of(AuditRow row)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var field in Fields(row))
        {
            var bytes = Encoding.UTF8.GetBytes(field);
            hash.AppendData(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{bytes.Length}:")));
            hash.AppendData(bytes);
            hash.AppendData(","u8);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static string[] Fields(AuditRow row) =>
    [
        row.PreviousHash, row.TenantId, row.Sequence.ToString(CultureInfo.InvariantCulture), row.Id,
        Microseconds.From(row.CreatedAt).ToString(CultureInfo.InvariantCulture), row.PartnerId, row.Action, row.ActorId, row.ActorEmail, row.ActorType,
        row.ResourceType, row.ResourceId, row.IpAddress, row.UserAgent, row.Status, row.RequestId, row.Changes,
    ];
}
