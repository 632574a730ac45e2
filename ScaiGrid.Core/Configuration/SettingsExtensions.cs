using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace ScaiGrid.Core.Configuration;

/// <summary>Registers options and collects their mistakes for one check at start.</summary>
public static class SettingsExtensions
{
    private static readonly object MistakesKey = new();

    /// <summary>Binds <typeparamref name="T"/> once, registers it as a singleton and returns it for use while services are registered.</summary>
    public static T AddSettings<T>(this IHostApplicationBuilder builder)
        where T : class, new()
    {
        if (builder.Services.FirstOrDefault(service => service.ServiceType == typeof(T))?.ImplementationInstance is T known)
        {
            return known;
        }

        var options = SettingsBinder.Bind<T>(builder.Configuration, Mistakes(builder));
        builder.Services.AddSingleton(options);
        return options;
    }

    /// <summary>Adds a mistake found while services are registered.</summary>
    public static void AddSettingsMistake(this IHostApplicationBuilder builder, string message) => Mistakes(builder).Add(message);

    /// <summary>Called by each host just before it is built; reports all mistakes of all options in one message.</summary>
    /// <exception cref="SettingsException">At least one setting is missing or wrong.</exception>
    public static void CheckSettings(this IHostApplicationBuilder builder)
    {
        if (Mistakes(builder) is { Count: > 0 } mistakes)
        {
            throw new SettingsException(mistakes);
        }
    }

    private static List<string> Mistakes(IHostApplicationBuilder builder)
    {
        if (!builder.Properties.TryGetValue(MistakesKey, out var value))
        {
            builder.Properties[MistakesKey] = value = new List<string>();
        }

        return (List<string>)value;
    }
}
