using Microsoft.AspNetCore.Http.Headers;
using Microsoft.Net.Http.Headers;
using ScaiGrid.Core.Storage;

namespace ScaiGrid.Modules.Bunker.Storage;

/// <summary>The <c>Range</c> and <c>If-Range</c> headers of a request, applied to an object.</summary>
internal static class ByteRanges
{
    /// <param name="headers">The request's headers.</param>
    /// <param name="info">The object.</param>
    /// <param name="range">Null if the whole object is to be sent.</param>
    /// <returns>False if the range lies outside the object.</returns>
    public static bool TryResolve(RequestHeaders headers, BlobInfo info, out BlobRange? range)
    {
        range = null;

        // Several ranges in one response (multipart/byteranges) and other units are optional in the RFC: the whole object is sent instead.
        if (headers.Range is not { Ranges: { Count: 1 } ranges } || headers.Range.Unit != "bytes" || !IsCurrent(headers.IfRange, info))
        {
            return true;
        }

        var (from, to) = (ranges.First().From, ranges.First().To);
        if (from is null)
        {
            // The last bytes of the object, or all of them if it is shorter.
            var length = Math.Min(to ?? 0, info.Length);
            (from, to) = (info.Length - length, info.Length - 1);
        }

        to = Math.Min(to ?? long.MaxValue, info.Length - 1);
        if (from > to)
        {
            return false;
        }

        range = new BlobRange(from.Value, to.Value - from.Value + 1, info.ETag);
        return true;
    }

    private static bool IsCurrent(RangeConditionHeaderValue? condition, BlobInfo info) =>
        condition is null
        || (condition.EntityTag is { } tag && tag.Compare(new EntityTagHeaderValue($"\"{info.ETag}\""), useStrongComparison: true))
        || (condition.LastModified is { } date && date.ToUnixTimeSeconds() == info.LastModified.ToUnixTimeSeconds());
}
