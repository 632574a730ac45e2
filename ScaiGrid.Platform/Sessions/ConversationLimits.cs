using System.Text;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core.Errors;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Tenancy;

namespace ScaiGrid.Platform.Sessions;

/// <summary>Limits what a tenant's sessions and rooms take in the database.</summary>
internal static class ConversationLimits
{
    /// <summary>What a row takes besides its texts, so that the number of short messages is limited as well.</summary>
    private const int RowBytes = 200;

    /// <summary>What a row with these texts counts.</summary>
    public static long BytesOf(params ReadOnlySpan<string?> texts)
    {
        long bytes = RowBytes;
        foreach (var text in texts)
        {
            bytes += Encoding.UTF8.GetByteCount(text ?? "");
        }

        return bytes;
    }

    /// <summary>What a changed conversation takes more than before.</summary>
    /// <exception cref="ApiException">The tenant has no room for it.</exception>
    public static async Task<long> GrowthAsync(
        PlatformDb db, string tenantId, long before, long after, TenantLimitOptions limits, CancellationToken cancellationToken)
    {
        if (after > before)
        {
            await ThrowIfFullAsync(db, tenantId, after - before, limits, cancellationToken);
        }

        return after - before;
    }

    /// <summary>
    /// Refuses what a caller adds. Without a lock, so that messages do not wait for each other: those that arrive at once may pass the limit together.
    /// </summary>
    /// <exception cref="ApiException">The tenant has no room for <paramref name="bytes"/>.</exception>
    public static async Task ThrowIfFullAsync(PlatformDb db, string tenantId, long bytes, TenantLimitOptions limits, CancellationToken cancellationToken)
    {
        if (limits.ConversationMbPerTenant == 0)
        {
            return;
        }

        // Each conversation has the sum of its messages, so this reads no messages, and an index instead of the conversations.
        var held = await db.ChatSessions.Where(session => session.TenantId == tenantId).SumAsync(session => session.Bytes, cancellationToken)
            + await db.Rooms.Where(room => room.TenantId == tenantId).SumAsync(room => room.Bytes, cancellationToken);
        if (held + bytes > limits.ConversationMbPerTenant * 1024L * 1024)
        {
            throw new ApiException(ConversationErrors.TooLarge(limits.ConversationMbPerTenant));
        }
    }
}
