using System.Buffers;
using System.Buffers.Text;
using System.Text;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Core.Http;

/// <summary>
/// The <c>limit</c> and <c>cursor</c> of a list. Our ids sort by time, so the id of the last item is the key of the next page, and
/// every page costs the same.
/// </summary>
public static class Cursor
{
    public const int DefaultLimit = 50;

    public static string Encode(string lastId) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(lastId));

    /// <returns>The id after which the page starts, or null for the first page.</returns>
    /// <exception cref="ApiException">The cursor is not one that we returned.</exception>
    public static string? Decode(string? cursor, string prefix)
    {
        if (string.IsNullOrEmpty(cursor))
        {
            return null;
        }

        var bytes = new byte[Ids.MaxLength];
        if (cursor.Length <= Ids.MaxLength * 2
            && Base64Url.DecodeFromChars(cursor, bytes, out _, out var written) == OperationStatus.Done
            && Encoding.ASCII.GetString(bytes.AsSpan(0, written)) is var id
            && Ids.IsOne(id, prefix))
        {
            return id;
        }

        throw new ApiException(Problem.Invalid("cursor", "is not a cursor of this list."));
    }

    /// <exception cref="ApiException">The limit is out of range.</exception>
    public static int Limit(int? limit, int defaultLimit = DefaultLimit, int max = 1000) =>
        limit is null ? defaultLimit
        : limit >= 1 && limit <= max ? limit.Value
        : throw new ApiException(Problem.Invalid("limit", $"must be between 1 and {max}."));
}
