using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using ScaiGrid.Core.Audit;
using ScaiGrid.Platform.Sessions;

namespace ScaiGrid.Platform.Rooms;

/// <summary>A conversation of several users of a tenant; models can be members as well.</summary>
internal sealed class Room
{
    public required string Id { get; init; }

    public required string TenantId { get; init; }

    public required string Name { get; set; }

    /// <summary>The system prompt of its models.</summary>
    [Private]
    public string? SystemPrompt { get; set; }

    [Private]
    public required string Metadata { get; set; }

    /// <summary>What it takes with its messages, see <see cref="ConversationLimits"/>.</summary>
    public long Bytes { get; set; }

    public required string CreatedBy { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; set; }
}

internal sealed class RoomConfiguration : IEntityTypeConfiguration<Room>
{
    public void Configure(EntityTypeBuilder<Room> builder)
    {
        builder.ToTable("rooms");
        builder.HasIndex(room => new { room.TenantId, room.Id });
        builder.HasIndex(room => new { room.TenantId, room.Bytes });
    }
}
